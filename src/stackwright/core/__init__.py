"""Domain-free tools of all layers: units, arrays, specs, records, text with lines, files and errors."""
