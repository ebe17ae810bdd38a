"""Makes hivemind's p2p package importable without torch, and names the daemons.

A process of its own: hivemind and p2pclient register the same protobuf file name and cannot live together.
"""

import os
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
OURS = os.environ.get("P2PD", str(ROOT / ".build/release/p2pd"))
GO = str(ROOT / ".venv-clients/bin/p2pd-go")

# hivemind/__init__.py imports torch, which its p2p package does not need: give the two outer packages a path and no code.
for entry in sys.path:
    package = Path(entry) / "hivemind"
    if (package / "p2p").is_dir():
        for name, path in (("hivemind", package), ("hivemind.utils", package / "utils")):
            module = types.ModuleType(name)
            module.__path__ = [str(path)]
            sys.modules[name] = module
        break
