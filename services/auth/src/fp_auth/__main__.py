from fp_auth.main import main

main()
