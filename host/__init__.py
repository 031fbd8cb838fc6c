"""What every program needs of the machine and network it runs on, once.

    settings, deployment_record, secret_files, keystores, text_files    what a user has written
    bounded_http -> json_rpc;   mqtt -> mqtt_client, broker_words       the network, within bounds
    static_files, reserve, process_lock                                 the disk, and one at a time
    schema, database_copy                                               databases of former releases
    start -> command_line, exit_status, log, stopping                   starting, one-line errors
    broker_check, database_check -> checks                              `check` of each program
    clock, clock_sync, bounded_json, foreign_text                       time, and strangers' text
    theft_reports                                                       what inhibits a next start

It uses `protocol` and nothing else of ours; every program and `chain` use it. It is not the only
room that reads or writes: the oracle's journal, the bridge's serial port and the page's listening
port are with their programs.
"""
