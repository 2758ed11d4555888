"""`python -m fp_notification` serves."""

from fp_notification.main import main

main()
