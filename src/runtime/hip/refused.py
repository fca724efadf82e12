class Refused(Exception):
    """What a request asks for cannot be done; the message says why, and what to do."""
