"""WHO asks, and what they may: keys, tokens, one table of rules, private collections, terms, signed addresses."""
