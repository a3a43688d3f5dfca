"""Texts, languages and CLDR formatting. Pure but for the settings; anyone in ``widgets`` may import it. Begin with
``texts``.
"""
