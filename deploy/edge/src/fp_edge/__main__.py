from fp_edge.main import main

main()
