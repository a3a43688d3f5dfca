import { Quiz } from '../widgets';

export default function QuizPage() {
  return (
    <>
      <h1>Which gift?</h1>
      <Quiz />
    </>
  );
}
