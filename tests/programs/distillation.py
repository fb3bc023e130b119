"""Keras's example of knowledge distillation: a student that learns from labels and from a teacher."""

import keras
from keras import layers, ops
from start import begin, ten_epochs, words

ids, _ = words(16, 8, 30)
y = ids.max(axis=1) % 3


class Distiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.teacher = teacher
        self.student = student

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn = student_loss_fn
        self.distillation_loss_fn = distillation_loss_fn
        self.alpha = alpha
        self.temperature = temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False, **kwargs):
        teacher_pred = self.teacher(x, training=False)
        student_loss = self.student_loss_fn(y, y_pred)
        distillation_loss = self.distillation_loss_fn(
            ops.softmax(teacher_pred / self.temperature, axis=1),
            ops.softmax(y_pred / self.temperature, axis=1),
        ) * (self.temperature**2)
        return self.alpha * student_loss + (1 - self.alpha) * distillation_loss

    def call(self, x):
        return self.student(x)


def classifier(units, name):
    return keras.Sequential(
        [
            keras.Input((8,), dtype="int32"),
            layers.Embedding(30, units),
            layers.Conv1D(units, 3, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(3),
        ],
        name=name,
    )


teacher, student = classifier(8, "teacher"), classifier(4, "student")
begin(teacher, 2)
distiller = Distiller(student=student, teacher=teacher)
distiller.compile(
    optimizer=keras.optimizers.Adam(),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
    student_loss_fn=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    distillation_loss_fn=keras.losses.KLDivergence(),
    alpha=0.1,
    temperature=10,
)
teacher.trainable = False
begin(student)
losses = ten_epochs(distiller, ids, y)
