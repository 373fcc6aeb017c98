"""What cases say: a suite is a list of functions whose names are sentences, and they state things with these."""

import re

KEY_ID = re.compile(r"[a-z0-9]{10}")
PLAN_ID = re.compile(r"[a-z0-9]{6}")
GENERATED_VALUE = re.compile(r"[A-Za-z0-9]{40}")
REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

UNKNOWN_KEY = "Invalid API Key identifier specified"
UNKNOWN_PLAN = "Invalid Usage Plan ID specified"
UNKNOWN_KEY_OF_PLAN = "Invalid Key identifier specified"
TOO_SHORT = "API Key value should be at least 30 characters"
TOO_LONG = "API Key value exceeds maximum size of 128 characters"
NAME_TOO_LONG = "Invalid API Key name, can be at most 1024 characters."
DESCRIPTION_TOO_LONG = "Invalid API Key description specified."
TAKEN = "API Key already exists"


class Suite(list):
    """Cases that share one server; `connect` makes from it what each case is given."""

    def __init__(self, title, connect):
        super().__init__()
        self.title, self.connect = title, connect

    def case(self, function):
        """Adds a case."""
        self.append(function)
        return function


def equal(actual, expected):
    """States that two things are the same."""
    if actual != expected:
        raise AssertionError(f"\n    expected {expected!r}\n    got      {actual!r}")


def holds(condition, otherwise):
    """States that something is true, or else what is wrong."""
    if not condition:
        raise AssertionError(otherwise)


def matches(text, pattern):
    """States that the whole of a text has a form."""
    if not pattern.fullmatch(text):
        raise AssertionError(f"{text!r} is not {pattern.pattern}")
