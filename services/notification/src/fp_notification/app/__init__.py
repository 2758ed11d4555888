"""The use-cases of notification, one a file."""
