"""The audit trail proved whole: its rows follow from one another, and what they tell of is there as they tell it."""
