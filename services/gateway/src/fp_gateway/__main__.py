from fp_gateway.main import main

main()
