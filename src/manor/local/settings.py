"""Kernel settings that nodes need of the whole machine: the first node raises them, the last one
puts them back."""

import json
from pathlib import Path

from manor.local.locks import locked
from manor.local.node import state_home, write_file

_NEEDED = {
    # Packets of the pods on their way out and back.
    "net/ipv4/ip_forward": 1,
    # Counted by user, and a user may have many pods. Each takes memory of its pod: that has a
    # limit, and is the bound.
    "fs/inotify/max_user_instances": 1048576,
    "fs/inotify/max_user_watches": 8388608,
}


def _before() -> Path:
    return state_home() / "settings.json"


def raise_settings() -> None:
    """Raise what is lower than nodes need, and remember what it was."""
    with locked(state_home()):
        before: dict[str, int] = json.loads(_before().read_text()) if _before().exists() else {}
        for name, needed in _NEEDED.items():
            setting = Path("/proc/sys") / name
            value = int(setting.read_text())
            if value < needed:
                before[name] = value
                write_file(_before(), json.dumps(before) + "\n")
                setting.write_text(f"{needed}\n")


def restore_settings() -> None:
    """Put back what was raised, once no node is left; what somebody else has changed
    since stays."""
    with locked(state_home()):
        if not _before().exists() or any(Path("/sys/class/net").glob("manor[0-9]*")):
            return
        for name, value in json.loads(_before().read_text()).items():
            setting = Path("/proc/sys") / name
            if int(setting.read_text()) == _NEEDED[name]:
                setting.write_text(f"{value}\n")
        _before().unlink()
