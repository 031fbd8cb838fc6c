"""What an audit came to, for a terminal, for a browser and for programs.

    (audit.result) -> report_text, report_html, report_json

`report_lines` sets tables for the terminal. Nothing is decided here: bills and findings come as
they are shown.
"""
