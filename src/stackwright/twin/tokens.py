"""Tokens of the endpoint: every four characters are one.

No model runs here, so no model's vocabulary is needed; what has to hold is that server and client count alike. The
rule is the field's rule of thumb for English, made exact. `tokenizer_files` writes it down in the format of Hugging
Face's tokenizers, for clients that count on their own.
"""

from __future__ import annotations

from stackwright.core.files import json_text

CHARACTERS = 4
"""Unicode code points of one token; the last token of a text may have fewer."""

PASSAGE = (
    "This text is synthetic: it is what a planned stack would send, and no model wrote it. "
    "Each piece of four characters is one token, and comes when the plan's scheduler has made it. "
    "What you can measure here is time: to the first token, between tokens, and under a load. "
)
"""What every answer says, over and over."""

PIECES = [PASSAGE[place : place + CHARACTERS] for place in range(0, len(PASSAGE), CHARACTERS)]


def count(text: str) -> int:
    """Tokens of a text. Source: definition."""
    return -(-len(text) // CHARACTERS)


def piece(place: int) -> str:
    """The token at a place of an answer, counted from 0. Source: definition."""
    return PIECES[place % len(PIECES)]


def synthetic(tokens: int) -> str:
    """The text of so many tokens. Source: definition."""
    length = tokens * CHARACTERS
    return (PASSAGE * -(-length // len(PASSAGE)))[:length]


def tokenizer_files(longest: int) -> dict[str, str]:
    """Names and texts of the files of a tokenizer that counts as `count` does, for prompts of at most `longest` tokens.

    It keeps lengths and forgets words: text that the passage does not have comes back as other text of the same length.
    Source: definition.
    """
    pieces = list(dict.fromkeys(["and ", *PIECES]))
    tokenizer: dict[str, object] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": f"[\\s\\S]{{1,{CHARACTERS}}}"},
            "behavior": "Isolated",
            "invert": False,
        },
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        "model": {
            "type": "WordLevel",
            "vocab": {word: place for place, word in enumerate(pieces)},
            "unk_token": pieces[0],
        },
    }
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": longest,
        "clean_up_tokenization_spaces": False,
    }
    return {"tokenizer.json": json_text(tokenizer), "tokenizer_config.json": json_text(settings)}
