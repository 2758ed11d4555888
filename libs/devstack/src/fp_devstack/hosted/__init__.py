"""The stores as pods, for clusters of laptops and tests: deploy/charts/stores."""
