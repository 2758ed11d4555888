"""`python -m fp_serving`."""

from fp_serving.main import main

main()
