from fp_monitor.main import main

main()
