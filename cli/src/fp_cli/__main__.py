from fp_cli.main import main

main()
