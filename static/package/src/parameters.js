/** Every parameter of every widget, each an attribute of the element with `-` for `_`. Made by `manage.py generate`. */
export const PARAMS =
  'answers cart_id cart_total chosen code collection currency customer_token experiment in_stock item_count layout limit locale media page placement product_handle product_id product_ids query quiz_id rating result session sort variants visitor_id write'.split(
    ' ',
  );
