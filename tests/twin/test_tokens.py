"""Four characters are a token, here and at a client."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from stackwright.twin import tokens
from stackwright.twin.answers import text_of


@given(st.integers(1, 2000))
def test_text_of_so_many_tokens_counts_as_so_many(count: int) -> None:
    assert tokens.count(tokens.synthetic(count)) == count
    assert "".join(tokens.piece(place) for place in range(count)) == tokens.synthetic(count)


def test_the_passage_says_that_it_is_synthetic_and_ends_with_a_whole_token() -> None:
    assert tokens.PASSAGE.startswith("This text is synthetic")
    assert len(tokens.PASSAGE) % tokens.CHARACTERS == 0


@given(st.text(min_size=1))
def test_the_files_of_the_tokenizer_count_alike(text: str) -> None:
    made = json.loads(tokens.tokenizer_files(4096)["tokenizer.json"])
    pattern = made["pre_tokenizer"]["pattern"]["Regex"]
    pieces = re.findall(pattern, text)
    assert len(pieces) == tokens.count(text)
    vocabulary, unknown = made["model"]["vocab"], made["model"]["unk_token"]
    known = [piece if piece in vocabulary else unknown for piece in pieces]
    assert len(re.findall(pattern, "".join(known))) == len(pieces)


def test_a_prompt_drawn_from_the_vocabulary_counts_as_it_was_drawn() -> None:
    made = json.loads(tokens.tokenizer_files(4096)["tokenizer.json"])
    assert {len(word) for word in made["model"]["vocab"]} == {tokens.CHARACTERS}


def test_a_stop_sequence_is_not_sent_and_its_tokens_count() -> None:
    text = text_of(50, "length", ["synth"], 0)
    assert text.whole == "This text is "
    assert (text.tokens, text.finish_reason) == (5, "stop")
    assert "".join(text.piece(place) for place in range(text.tokens)) == text.whole


def test_the_stop_sequence_that_ends_first_ends_the_text() -> None:
    assert text_of(50, "length", ["it is what", "synthetic", "This"], 0).whole == ""
    assert text_of(50, "length", ["it is what", "synthetic"], 0).whole == "This text is "


def test_no_stop_sequence_ends_before_the_least_number_of_tokens() -> None:
    later = text_of(200, "length", ["This"], 10)
    assert later.tokens == len(tokens.PASSAGE) // 4 + 1
    assert later.whole == tokens.PASSAGE
    assert text_of(10, "length", ["This"], 10).finish_reason == "length"


@given(st.integers(1, 60), st.text("Thisex t", min_size=1, max_size=5), st.integers(0, 60))
def test_a_stop_sequence_is_found_as_a_search_token_by_token_finds_it(length: int, stop: str, least: int) -> None:
    text = text_of(length, "length", [stop], min(least, length))
    for made in range(min(least, length) + 1, length + 1):
        words = tokens.synthetic(made)
        place = words.find(stop, max(0, min(least, length) * 4 - len(stop) + 1))
        if place >= 0:
            assert (text.tokens, text.characters, text.finish_reason) == (made, place, "stop")
            return
    assert (text.tokens, text.finish_reason) == (length, "length")
