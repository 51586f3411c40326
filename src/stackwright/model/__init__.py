"""Models: from a config.json to exact parameters, operators and cache sizes.

`config.read_config` reads a Hugging Face config; `families` holds one file per kind of architecture;
`architecture.Architecture` is what the other layers ask. Records carry the published figures.
"""

from stackwright.model.published import PublishedModel

TYPES: dict[str, type] = {"PublishedModel": PublishedModel}
