"""The JSON Schemas of a rulebook's files, for editors; made from the grammar that the readers use."""
