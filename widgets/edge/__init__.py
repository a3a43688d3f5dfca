"""The outermost WSGI layer: finished answers, before Django. ``path`` is the application, ``answers`` what is stored,
``shops`` what makes a stored answer untrue, ``codings`` how bodies are compressed. Imported by ``wsgi`` and, for
``answers.AnswerInputs`` and ``codings``, by ``http/``. Begin with ``path``.
"""
