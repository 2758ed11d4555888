"""What a job of a pipeline gets and gives (`job`), and the jobs that the platform brings.

`python -m fp_jobs.backtest_job` asks a version again what others were asked (ADR 0241).
"""
