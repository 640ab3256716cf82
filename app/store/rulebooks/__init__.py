"""The life of rulebooks as they are stored: drafts, approvals, rejections, publications, rollbacks; and reading them."""
