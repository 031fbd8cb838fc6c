"""A page as values, and its two renderers: HTML and PDF.

    document -> html, pdf (pdf_page, pdf_plot, pdf_table)
    plot -> plot_svg, pdf_plot

It knows nothing of bills or reports: those make the values.
"""
