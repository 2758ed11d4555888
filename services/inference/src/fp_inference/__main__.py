"""`python -m fp_inference`."""

from fp_inference.main import main

main()
