"""Every key of a configuration, its default and what it means.

The files in `configs/` start from this one and state only what differs. On the command line a key is
`--config.KEY=VALUE`. The comment behind a key is what `--help` prints; a test holds that each key has one
and that some module reads it. What values are possible stands in `flowers_jax.config_rules.RULES`.
"""

from ml_collections import ConfigDict

from flowers_jax.types import Config


def get_config() -> Config:
    """The defaults. Types are checked by `flowers_jax.config.validate`, all in one place."""
    config = ConfigDict({}, type_safe=False)
    config.seed = 0  # every random choice (shuffle, initial weights, augmentation; data.seed) follows from it
    config.epochs = 30  # at most, after those of transfer.epochs; early stopping may end the run before
    config.batch_size = 32  # global: over all devices together
    config.learning_rate = 1e-3  # Adam's, before ReduceLROnPlateau cuts it
    config.precision = "auto"  # auto|float32|bfloat16 of the activations in training; auto: bfloat16 on GPU and TPU
    config.devices = 0  # how many local devices share a batch; 0: all

    config.data = ConfigDict({}, type_safe=False)
    config.data.name = "auto"  # auto|tf_flowers|flower_species|procedural
    config.data.dir = ""  # folder of class folders, or of train/validation/test folders; wins over data.name
    config.data.image_size = 224  # height and width in pixels that the model sees
    config.data.crop = 0.0  # central square that the model sees, as a share of the shorter side; 0: the weights' own
    config.data.normalize = "auto"  # auto|rescale|samplewise|featurewise; auto: what the model or its weights want
    config.data.split = (0.8, 0.1, 0.1)  # train, validation, test; at this default flower_species is 0.6, 0.2, 0.2
    config.data.seed = -1  # decides the split and the folds, and nothing else; -1: as seed
    config.data.folds = 0  # of cross-validation: one is the test part in place of data.split's; 0: none
    config.data.fold = 1  # which of data.folds is the test part, from 1
    config.data.max_pixels = 100_000_000  # a photograph with more pixels is skipped (decompression bombs)
    config.data.group_similar = True  # what looks alike in data.dir stays on one side; False where all is one scene
    config.data.follow_links = False  # read links that lead out of data.dir
    config.data.cache = "memory"  # memory|disk: where decoded uint8 photographs are kept
    config.data.workers = 0  # decoding threads; 0: one a core. The batches do not depend on it

    config.model = ConfigDict({}, type_safe=False)
    config.model.name = "mobilenet_v2"  # a model of the package, or MODULE:SPEC or FILE.py:SPEC of your own
    config.model.weights = "auto"  # auto|none|NAME|PATH (.safetensors, .pth, .npz, .h5); auto: cache, publisher, index
    config.model.options = ConfigDict({}, type_safe=False)  # the model's own settings, as options.alpha; see --help
    config.model.convolution = "auto"  # auto|fast|xla|reference: how convolutions run; auto: fast on a CPU, else xla
    config.model.freeze = "backbone"  # none|GROUP|backbone: the model's groups up to there do not train
    config.model.batch_norm = "auto"  # auto|batch|stored statistics in training; auto: stored with pretrained weights
    config.model.dropout = 0.0  # share of the features that are dropped before the last layer in training

    config.transfer = ConfigDict({}, type_safe=False)  # training the head on a frozen backbone
    config.transfer.epochs = 0  # so many epochs the head trains alone before what model.freeze leaves trains too
    config.transfer.learning_rate = 3e-3  # in those epochs
    config.transfer.views = 0  # of each photograph are computed once: the plain one and augmented; 0: anew each epoch

    config.augment = ConfigDict({}, type_safe=False)
    config.augment.horizontal_flip = True  # mirror every other training image
    config.augment.vertical_flip = False  # turn every other training image upside down
    config.augment.rotation_range = 0.0  # degrees, to either side; this and what follows as ImageDataGenerator's
    config.augment.width_shift_range = 0.0  # of the size where below 1, else pixels; moves up and down, as in Keras
    config.augment.height_shift_range = 0.0  # likewise; moves sideways, as in Keras
    config.augment.documented_shifts = False  # shifts move along the axis that they are named for, not as in Keras
    config.augment.shear_range = 0.0  # degrees, to either side
    config.augment.zoom_range = (1.0, 1.0)  # LOW,HIGH, or Z for 1-Z,1+Z; height and width each by itself
    config.augment.brightness_range = (1.0, 1.0)  # LOW,HIGH of the factor
    config.augment.channel_shift_range = 0.0  # grey levels of 255, to either side
    config.augment.fill_mode = "nearest"  # nearest|constant|reflect|wrap: what comes in from outside of the image
    config.augment.cval = 0.0  # the grey level that constant fills with
    config.augment.interpolation_order = 1  # 0: the nearest pixel, 1: bilinear
    config.augment.crop_scale = (1.0, 1.0)  # random-resized-crop: LEAST,MOST of the area; at 1,1 none
    config.augment.crop_size = 0  # height and width of crops in pixels, where training sees fewer; 0: image_size
    config.augment.color_jitter = (0.0, 0.0, 0.0, 0.0)  # brightness, contrast, saturation, hue, as torchvision's
    config.augment.rand_augment_layers = 0  # RandAugment: how many changes an image goes through
    config.augment.rand_augment_magnitude = 9.0  # their strength, 0 to 30
    config.augment.random_erasing = 0.0  # with what probability a rectangle of a training image is painted over
    config.augment.mixup = 0.0  # alpha of mixup; 0: none. With CutMix too, a batch is mixed by one of them
    config.augment.cutmix = 0.0  # alpha of CutMix; 0: none

    config.optimizer = ConfigDict({}, type_safe=False)  # AdamW
    config.optimizer.weight_decay = 0.0  # of kernels, times the rate
    config.optimizer.head_multiplier = 1.0  # the head's rate, as a multiple of the others', while both train
    config.optimizer.layer_decay = 1.0  # what each layer of the backbone has of the rate of the layer above it
    config.optimizer.ema = 0.0  # how much a moving average of the weights keeps at a step; it predicts. 0: none
    config.optimizer.label_smoothing = 0.0  # the share of each label that is spread over all classes

    config.evaluation = ConfigDict({}, type_safe=False)
    config.evaluation.flip = False  # predict from each photograph and its mirror image

    config.schedule = ConfigDict({}, type_safe=False)  # the rate within a run, times what ReduceLROnPlateau leaves
    config.schedule.name = "constant"  # constant|cosine|piecewise|exponential
    config.schedule.warmup_epochs = 0.0  # in which the rate rises from 0
    config.schedule.epochs = 0.0  # after so many epochs cosine ends; 0: after config.epochs
    config.schedule.final = 0.0  # the share of the rate at which cosine ends
    config.schedule.boundaries = ()  # piecewise: epochs A,B,... after which the rate is multiplied by the factor
    config.schedule.factor = 0.1  # of piecewise at each boundary, of exponential at each epoch

    config.plateau = ConfigDict({}, type_safe=False)  # ReduceLROnPlateau, with Keras's meaning
    config.plateau.monitor = "val_loss"  # a metric of metrics.csv
    config.plateau.factor = 0.2  # the learning rate is multiplied by it
    config.plateau.patience = 5  # epochs without improvement before a cut
    config.plateau.min_delta = 1e-4  # an improvement is larger than this
    config.plateau.cooldown = 0  # epochs after a cut in which bad epochs do not count
    config.plateau.min_lr = 0.0  # what cuts leave is never below; schedule and multipliers come on top and may be

    config.early_stopping = ConfigDict({}, type_safe=False)
    config.early_stopping.monitor = "val_loss"  # a metric of metrics.csv
    config.early_stopping.patience = 10  # epochs without improvement before training ends
    config.early_stopping.min_delta = 0.0  # an improvement is larger than this
    config.early_stopping.start_from_epoch = 0  # so many epochs at the start are not looked at
    config.early_stopping.baseline = "none"  # none, or what the metric must beat before an improvement counts

    config.checkpoint = ConfigDict({}, type_safe=False)
    config.checkpoint.monitor = "val_loss"  # the metric of metrics.csv that decides which epoch is the best
    config.checkpoint.use = "best"  # best|last: the epoch whose model is tested and used
    config.checkpoint.every_steps = 0  # save within an epoch after so many steps; 0: only at its end
    config.checkpoint.every_minutes = 10.0  # save within an epoch after so many minutes; 0: only at its end
    config.checkpoint.keep = 2  # latest checkpoints kept, at least 2, beside the best of each
    return config
