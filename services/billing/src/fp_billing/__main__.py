"""`python -m fp_billing` serves."""

from fp_billing.main import main

main()
