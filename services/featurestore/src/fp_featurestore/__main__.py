"""`python -m fp_featurestore` serves."""

from fp_featurestore.main import main

main()
