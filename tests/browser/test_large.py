"""A large machine on the page: hundreds of data points, and a hub that takes its time."""

from playwright.sync_api import expect

from mcagent import Agent, DataModel, DataPoint, DataSource


def test_of_many_variables_each_is_found_by_its_name(hub, open_page, tmp_path):
    names = [f"p{number:03d}" for number in range(200)]
    points = [DataPoint(name, "DOUBLE") for name in names]
    boarding = hub.create_agent("line", automap=True)
    with Agent.open(str(tmp_path / "a"), boarding=boarding, ca_file=hub.ca_file) as agent:
        agent.onboard()
        agent.submit(DataModel("line", [DataSource("line", points)]))
        agent.record(dict.fromkeys(names, 1.5))
        assert agent.upload(timeout_s=20).pending == 0
    hub.settle()
    page = open_page(hub.url)
    chips = page.locator("#chips button")
    expect(chips).to_have_count(60)
    expect(page.locator("#chips")).to_contain_text("and 140 more")
    page.get_by_label("Find variables").fill("P19")
    expect(chips).to_have_count(10 + 4)  # p190 to p199, and those that are on
    page.get_by_role("button", name="line · p199").click()
    expect(page.locator("figure", has_text="p199").locator("canvas")).to_be_visible()
    page.get_by_label("Find variables").fill("")
    expect(chips).to_have_count(60 + 1)
    expect(page.get_by_role("button", name="line · p199")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_another_view_does_not_wait_for_what_the_one_before_cost(hub, press, open_page):
    """The pause between rounds grows with their cost; not for a person who goes somewhere."""
    page = open_page("")
    page.add_init_script(
        "const plain = fetch; window.fetch = async (what, ...rest) => {"
        " if (what.endsWith('/sources')) await new Promise((done) => setTimeout(done, 2000));"
        " return plain(what, ...rest); }"
    )
    for within in (200, 2500):  # in the middle of a round, and in the pause after it
        page.goto("about:blank")
        page.goto(hub.url)
        expect(page.locator("#agents li")).to_be_visible()
        page.wait_for_timeout(within)
        page.get_by_role("link", name="Data models").click()
        expect(page.locator("#models .card")).to_be_visible(timeout=4_000)
