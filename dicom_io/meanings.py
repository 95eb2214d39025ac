"""What the numbers in a peer's answers mean, in the words of the standard."""

# PS3.8 Table 9-21: (source, reason) -> meaning
REJECT_REASONS = {
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}

# PS3.4 Table B.2-1 by its first byte or nibble, PS3.7 Annex C for the rest
_STATUSES = {
    0x0110: "processing failure",
    0x0111: "duplicate SOP instance",
    0x0117: "invalid SOP instance",
    0x0122: "SOP class not supported",
    0x0124: "not authorized",
    0x0210: "duplicate invocation",
    0x0211: "unrecognized operation",
    0x0212: "mistyped argument",
    0x0213: "resource limitation",
}


def reject_words(source: int, reason: int) -> str:
    """Return the meaning of the source and the reason of an A-ASSOCIATE-RJ, as a phrase."""
    return REJECT_REASONS.get((source, reason), "no reason that the standard names")


def status_words(status: int) -> str:
    """Return the meaning of a C-STORE or C-ECHO status, 0x0001 to 0xFFFF, as a phrase."""
    if status & 0xFF00 == 0xA700:
        return "out of resources"
    if status & 0xFF00 == 0xA900:
        return "data set does not match SOP class"
    if status & 0xF000 == 0xC000:
        return "cannot understand"
    return _STATUSES.get(status, "no meaning that the standard names")
