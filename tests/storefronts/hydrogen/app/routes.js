import { index, route } from '@react-router/dev/routes';

export default [
  index('routes/home.jsx'),
  route('collections/:handle', 'routes/collection.jsx'),
  route('products/:id', 'routes/product.jsx'),
  route('cart', 'routes/cart.jsx'),
  route('quiz', 'routes/quiz.jsx'),
  route('sumeru/*', 'routes/sumeru.js'),
];
