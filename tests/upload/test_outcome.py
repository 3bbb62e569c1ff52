# portable
from mcagent.errors import TransportError
from mcagent.transport.http import Response
from mcagent.upload.outcome import (
    ACK,
    HOLD,
    RENEW,
    SEARCH,
    SHRINK,
    TABLE,
    WAIT,
    of_error,
    of_response,
)  # fmt: skip

# Specification of the agent API, 6.5 and 11.5, written here a second time on purpose.
EXPECTED = (
    (200, ACK), (201, WAIT), (202, WAIT), (204, WAIT), (206, WAIT), (301, WAIT), (302, WAIT),
    (304, WAIT), (400, SEARCH), (401, RENEW), (402, HOLD), (403, HOLD), (404, HOLD), (405, HOLD),
    (407, HOLD), (408, WAIT), (409, HOLD), (410, HOLD), (412, HOLD), (413, SHRINK), (415, SEARCH),
    (422, SEARCH), (425, WAIT), (429, WAIT), (451, HOLD), (500, WAIT), (502, WAIT), (503, WAIT),
    (504, WAIT), (507, WAIT), (599, WAIT), (100, WAIT), (999, WAIT),
)  # fmt: skip


def test_every_status_has_its_outcome():
    for status, outcome in EXPECTED:
        assert of_response(Response(status)).outcome == outcome, status


def test_only_exactly_200_acknowledges():
    acknowledged = [s for s in range(100, 600) if of_response(Response(s)).outcome == ACK]
    assert acknowledged == [200]


def test_a_page_for_people_is_no_success():
    """A captive portal answers 200 to everything."""
    by_header = Response(200, {"content-type": "Text/HTML; charset=utf-8"}, b"<p>log in</p>")
    by_body = Response(200, {}, b"\r\n <!DOCTYPE html><title>Hotel</title>")
    for response in (by_header, by_body):
        assert of_response(response).outcome == WAIT
    json = Response(200, {"content-type": "application/json"}, b'{"a": "<html>"}')
    assert of_response(json).outcome == ACK


def test_a_page_is_nobodys_word_about_the_agent():
    """A proxy that blocks a host answers 403, one that does not know it 404: nothing to hold for."""
    for status in (403, 404, 407, 451):
        page = Response(status, {"content-type": "text/html"}, b"<html>blocked</html>")
        assert of_response(page).outcome == WAIT, status
    for status, outcome in ((400, SEARCH), (413, SHRINK), (401, RENEW)):
        page = Response(status, {"content-type": "text/html"}, b"<html>no</html>")
        assert of_response(page).outcome == outcome, status


def test_every_missing_answer_has_its_outcome():
    for kind in ("dns", "connect", "tls", "certificate", "proxy", "closed", "body", "other", "x"):
        assert of_error(TransportError("no", kind=kind)).outcome == WAIT, kind
    assert of_error(TransportError("late", kind="timeout")).outcome == SHRINK


def test_what_waits_has_a_bound():
    for row in TABLE:
        assert (row.cap_ms > 0) == (row.outcome == WAIT or row.answer == "timeout"), row
