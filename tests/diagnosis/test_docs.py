"""The guides say what the code says: steps, causes, addresses."""

import os
import re

from mcagent.diagnosis import certificates, firewall, naming, reach
from mcagent.diagnosis.examination import STEPS
from tests.source_tree import PACKAGE, ROOT

GUIDES = os.path.join(ROOT, "docs", "guides")


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def guide(name):
    return read(GUIDES, name)


def section(text, heading):
    return re.search(rf"^## {heading}.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL).group()


def sources():
    folder = os.path.join(PACKAGE, "diagnosis")
    return {name: read(folder, name) for name in os.listdir(folder) if name.endswith(".py")}


def causes_of_the_code():
    found = set(certificates.CAUSES.values())
    found |= {row[0] for row in (*reach._REFUSALS.values(), reach._SILENT)}
    found |= {row[0] for row in (*naming._REFUSALS.values(), naming._SILENCE)}
    for text in sources().values():
        found |= set(re.findall(r'failed\(\s*"([a-z-]+)"', text))
    return found


def test_every_step_is_explained():
    table = section(guide("find-out-what-is-wrong.md"), "What each step measures")
    named = re.findall(r"^\| ([a-z ]+) \|", table, re.MULTILINE)
    assert [name for name in named if name != "step"] == [name for name, _needs, _look in STEPS]


def test_every_cause_is_listed_and_none_that_is_not_there():
    table = section(guide("find-out-what-is-wrong.md"), "Causes, for programs")
    listed = set(re.findall(r"`([a-z][a-z-]+[a-z])`", table))
    assert causes_of_the_code() <= listed, causes_of_the_code() - listed
    code = "".join(sources().values())
    assert [cause for cause in sorted(listed) if f'"{cause}"' not in code] == []


def test_the_documented_addresses_are_the_same():
    """Two addresses, what they do not cover, and what nobody knows."""
    text = guide("behind-a-firewall.md")
    written = set(re.findall(r"\d+\.\d+\.\d+\.\d+", text))
    assert written == {address for found in firewall.DOCUMENTED.values() for address in found}
    for words in ("interactive login", "data lake", "revocation lists", "China 1"):
        assert words in text


def test_what_a_rule_needs_is_told_for_each_region():
    """The doctor says the same as the guide."""
    assert firewall.documented("southgate.eu1.mindsphere.io") == ("75.2.111.226", "99.83.250.213")
    assert firewall.documented("eu1.mindsphere.io.example.com") == ()
    assert firewall.documented("noteu1.mindsphere.io") == ()
    europe = " ".join(firewall.rules("southgate.eu1.mindsphere.io", 443, crl=False))
    for words in ("75.2.111.226", "99.83.250.213", "interactive login", "data lake", "443"):
        assert words in europe
    assert "revocation" not in europe
    china = " ".join(firewall.rules("southgate.cn1.mindsphere-in.cn", 443, crl=True))
    assert "China 1 has an address of its own" in china
    assert "revocation lists need a rule of their own" in china
    assert "75.2" not in china
