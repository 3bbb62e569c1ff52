"""Every documented limit of the service, once, with its source.

Sizes are 1000-based: the platform does not say which it means, and the smaller reading is safe
under both. Sources: "MC" is the platform's MindConnect API overview (2024), "TS" its IoT Time
Series overview (2021), "OAS-AM" the API description of Agent Management 3.5.2, "OAS-MC" that of
MindConnect 3.6.0, "MCL" the field behaviour of Siemens' C library 4.4.
"""

# -- exchange
EXCHANGE_MAX_BYTES = 10_000_000  # OAS-MC: "10MBs" for the whole body
TIMESERIES_MAX_BYTES = 1_000_000  # TS: 1 MB for one upload; applied to one exchange as well

# -- the file service: parts of a file, names, and what travels in headers (services: IoT File 3)
FILE_PART_MIN_BYTES = 5_242_880  # "5 MB" by its harshest reading; the last part may be shorter
FILE_PARTS_MAX = 1000
FILE_TEXT_MAX_CHARACTERS = 1024

# -- one time series record (TS, "Data types"): counted bytes, not wire bytes
RECORD_MAX_COUNTED_BYTES = 200_000
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1
# 0, or a magnitude between the two; at most 38 significant digits
DOUBLE_MIN_EXPONENT = -130  # 1E-130
DOUBLE_MAX_EXPONENT = 125  # 9.99...E+125
DOUBLE_MAX_DIGITS = 38
STRING_MAX_CHARACTERS = 255
BIG_STRING_MAX_CHARACTERS = 100_000
COUNTED_BYTES = (("INT", 4), ("LONG", 8), ("DOUBLE", 8), ("BOOLEAN", 1), ("TIMESTAMP", 8))
COUNTED_BYTES_PER_CHARACTER = 2  # STRING, BIG_STRING; a character is one UTF-16 unit (safest)

# -- data source configuration (OAS-AM)
CONFIGURATION_ID_MAX_CHARACTERS = 36
DATA_SOURCE_NAME_MAX_CHARACTERS = 64
DATA_POINT_ID_MAX_CHARACTERS = 36
DATA_POINT_NAME_MAX_CHARACTERS = 64
DESCRIPTION_MAX_CHARACTERS = 256
UNIT_MAX_CHARACTERS = 32

# -- events (OAS of the event service, MCL)
EVENT_DESCRIPTION_MAX_CHARACTERS = 255

# -- identity (OAS-AM)
CLIENT_ID_MAX_CHARACTERS = 36
TENANT_MAX_CHARACTERS = 36

# -- access token
ASSERTION_LIFE_S = 3600  # the shortest life that any working client uses is 1800 s
