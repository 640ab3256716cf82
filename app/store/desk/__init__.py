"""What waits for a person: work items, inquiries, texts of the network, surges."""
