"""What every statement is built with: rows in bulk, locks in one order, pages of a list; no table is named here."""
