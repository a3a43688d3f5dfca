"""``/docs/``: the pages, their samples, the OpenAPI description, the TypeScript types and the npm package. Made from
the registry, so that nothing falls behind. Imported by ``urls``, ``admin/`` and commands. Begin with ``index``.
"""
