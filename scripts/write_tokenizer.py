"""Write the endpoint's rule for tokens into a folder as a tokenizer of Hugging Face's library.

For clients that count tokens on their own: ``python scripts/write_tokenizer.py FOLDER``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from stackwright.twin.tokens import tokenizer_files

LONGEST = 1_000_000


def main(folder: Path) -> None:
    """Write its files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tokenizer_files(LONGEST).items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
