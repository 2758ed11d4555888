from fp_pipeline.main import main

main()
