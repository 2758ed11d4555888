"""The main job: flights out of New York, trained, served and watched."""
