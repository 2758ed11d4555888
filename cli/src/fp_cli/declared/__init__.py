"""What a team keeps in files: documents, kinds, what they change, and who applied what."""
