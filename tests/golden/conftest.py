"""`--regen-golden` writes the golden files anew (`make golden`)."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regen-golden", action="store_true", help="write the golden files anew")
