"""Durable sagas and training graphs."""
