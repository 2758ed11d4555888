"""The fp command."""
