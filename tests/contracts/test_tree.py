"""What the repository's files may be and may say."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGEST = 3_000_000

FOREIGN = {
    "a path of one machine": re.compile(rb"(?<![\w.:/-])/(?:work|tmp|root|home)/"),
    "a package registry": re.compile(
        rb"\b(?:[p]ypi\.org|[p]ythonhosted|[a]rtifactory|[i]ndex-url|[n]pmjs)", re.IGNORECASE
    ),
    "a folder outside the repository": re.compile(rb"(?<![\w-])[s]hared/"),
}

ISE = "optimi minimi maximi utili organi normali summari amorti initiali quanti"
OUR = "behavi col fav neighb lab"
BRITISH = re.compile(
    rb"\b(?:(?:centre|metre|litre|fibre|licence|catalogue|artefact)s?|grey|analysed?|analysing|(?:model|label)l(?:ed|ing)"
    rb"|(?:%s)s(?:e[sd]?|ing|ations?)|(?:%s)our\w*)\b"
    % ("|".join(ISE.split()).encode(), "|".join(OUR.split()).encode()),
    re.IGNORECASE,
)


def listed() -> list[Path]:
    """Files under version control, and those that would be with the next commit."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


FILES = listed()


def places(pattern: re.Pattern[bytes], files: list[Path]) -> list[str]:
    """``file:line`` of every match."""
    found = []
    for path in files:
        content = path.read_bytes()
        for match in pattern.finditer(content):
            line = content.count(b"\n", 0, match.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line} {match.group()!r}")
    return found


@pytest.mark.parametrize("what", FOREIGN)
def test_no_file_speaks_of_where_it_was_made(what: str) -> None:
    assert places(FOREIGN[what], FILES) == []


def test_no_file_is_large() -> None:
    assert [str(path) for path in FILES if path.stat().st_size > LARGEST] == []


def test_no_module_is_a_drawer() -> None:
    drawers = {"util", "utils", "helper", "helpers", "misc", "common"}
    assert [str(path) for path in FILES if path.suffix == ".py" and drawers & {path.stem, *path.parent.parts}] == []


def test_spelling_is_american() -> None:
    prose = [path for path in FILES if path.suffix in (".py", ".md") and path.relative_to(ROOT).parts[0] != "tests"]
    assert places(BRITISH, prose) == []


@pytest.mark.parametrize("word", ["centre", "behaviour", "optimise", "quantisation", "Licence", "neighbouring"])
def test_the_spelling_check_sees(word: str) -> None:
    assert BRITISH.fullmatch(word.encode())
