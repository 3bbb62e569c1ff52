"""The life of an agent's credentials as data: states, events, steps, answers. docs/credentials.md
prints these tables, and a test compares the two.
"""

# -- states: what the file on disk says. Nothing else survives a cut.
NEW = "new"
REGISTERING = "registering"
REFUSED = "refused"
ONBOARDED = "onboarded"
ROTATING = "rotating"
LOST = "lost"

MEANING = {
    NEW: "a boarding configuration is there or awaited; nothing was sent with it",
    REGISTERING: "a registration is, or may be, on its way; its answer may have been lost",
    REFUSED: "the platform refused the initial access token; a new boarding file is needed",
    ONBOARDED: "there are credentials, and nothing speaks against them",
    ROTATING: "a rotation is, or may be, on its way; the credentials before it are kept",
    LOST: "the platform refused every credential; a new boarding file is needed",
}

# -- events
BOARDING = "unused boarding file"
SEND_REGISTER = "send register"
REGISTERED = "registered"
REGISTER_REFUSED = "register refused"
REGISTER_REFUSED_AGAIN = "register refused, older credentials kept"
SEND_ROTATE = "send rotate"
ROTATED = "rotated"
ROTATE_REFUSED = "rotate refused"
TOKEN = "token"  # noqa: S105 - the name of an event
ALL_REFUSED = "all refused"

# (state, event) -> state. What is not here cannot happen: a KeyError is a bug of ours.
# An answer that is missing, or says nothing about the credential (5xx, 429, a captive portal),
# is no event: the state stays, and the request is repeated later.
TRANSITIONS = {
    (NEW, BOARDING): NEW,
    (NEW, SEND_REGISTER): REGISTERING,
    (REGISTERING, BOARDING): NEW,
    (REGISTERING, SEND_REGISTER): REGISTERING,
    (REGISTERING, REGISTERED): ONBOARDED,
    (REGISTERING, REGISTER_REFUSED): REFUSED,
    (REGISTERING, REGISTER_REFUSED_AGAIN): LOST,
    (REFUSED, BOARDING): NEW,
    (REFUSED, SEND_REGISTER): REGISTERING,
    (ONBOARDED, SEND_ROTATE): ROTATING,
    (ONBOARDED, TOKEN): ONBOARDED,
    (ONBOARDED, ALL_REFUSED): LOST,
    (ROTATING, SEND_ROTATE): ROTATING,
    (ROTATING, ROTATED): ONBOARDED,
    (ROTATING, ROTATE_REFUSED): ONBOARDED,
    (ROTATING, TOKEN): ROTATING,
    (LOST, BOARDING): NEW,
    (LOST, SEND_ROTATE): ROTATING,
    (LOST, TOKEN): ONBOARDED,
    (LOST, ALL_REFUSED): LOST,
}

# States in which a boarding configuration is what is worked with; in the others it is a spare.
UNREGISTERED = (NEW, REGISTERING, REFUSED)

# -- steps: (operation, whose credential)
REGISTER = ("register", "boarding")
TOKEN_CURRENT = ("token", "current")
ROTATE_CURRENT = ("rotate", "current")
ROTATE_PREVIOUS = ("rotate", "previous")
TOKEN_PREVIOUS = ("token", "previous")

# The order in which a registered agent tries what it has; a refused step is followed by the next.
# Why it is safe under the platform's two slots (agent API, 3.5): `current` and `previous` here
# are the platform's, or one rotation behind them. A rotation with a superseded RAT changes
# nothing; one with a good RAT keeps that RAT good; so whatever was lost on the way, one of the
# two saved RATs is in a slot. The token comes first because it changes nothing at all, and
# because a proxy that swallows PUT must not keep a working secret from being used.
PLAN = (TOKEN_CURRENT, ROTATE_CURRENT, ROTATE_PREVIOUS, TOKEN_PREVIOUS)

# -- answers: operation -> status -> what it says about the credential; all others say nothing.
TAKEN = "taken"
NO = "no"
LATER = "later"
NOBODY = "nobody"  # no answer at all, or a captive portal's
ANSWERS = {
    # Agent API, 3.1: exactly 201. A 200 is somebody else's, such as a captive portal's.
    "register": {201: TAKEN, 400: NO, 401: NO},
    "rotate": {200: TAKEN, 400: NO, 401: NO},
    # 4.3: the platform documents 400 only; "treat 400 and 401 alike".
    "token": {200: TAKEN, 400: NO, 401: NO},
}
