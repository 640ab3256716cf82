"""The endpoints of rulebooks: the one in force, versions, drafts, approvals, publications; and the uploads they take."""
