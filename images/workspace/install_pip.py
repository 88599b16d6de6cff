"""Put pip beside the packages, which install.py leaves out: a person in a notebook wants it."""

import zipfile
from pathlib import Path

TARGET = Path("/opt/packages")

(wheel,) = Path("/wheels").glob("pip-*.whl")
zipfile.ZipFile(wheel).extractall(TARGET)
command = TARGET / "bin" / "pip"
command.write_text(
    "#!/usr/bin/env python3\nfrom pip._internal.cli.main import main\n\nexit(main())\n"
)
command.chmod(0o755)
