"""The main job: the real flights that left New York in 2013, from data to a served prediction.

- `data`, `features`: the flights and what is known of each when it is scheduled.
- `training`, `profile`, `evaluate`: the model, the distributions it was trained on, how good it is.
- `train_job`, `evaluate_job`, `job`: the programs that the pipeline runs, and what passes between them.
- `pipelines`: the two pipelines of the story as data.
- `story/`: the demo, a chapter a file.
"""
