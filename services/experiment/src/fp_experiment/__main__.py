from fp_experiment.main import main

main()
