"""Think: networks, bundles, preprocessing, ensembles and activation maps.

This package knows nothing of DICOM, network or state. `finding`, `manifest`, `preprocess`, `overlay`,
`page` and `reference` never import torch, so that processes which only show results stay small.

Exceptions (in `models.errors` where nothing else is said)::

    ModelError
    |- BundleRefused            a bundle on disk is not what its manifest says; nothing of it is used
    |  |- ManifestInvalid       manifest.toml is missing, unreadable or breaks the schema
    |  |- MemberMissing         a weights file that the manifest names is not there
    |  |- ReferenceMissing      the training data's statistics that the manifest names are not there
    |  |- HashMismatch          a weights file has other bytes than the manifest states
    |  |- ShapeMismatch         the tensors in a weights file are not those of the architecture
    |  `- UnknownArchitecture   a member is of an architecture that this version does not know
    |- BundleExists             a bundle would be written over something that is already there
    |- UnknownOperatingPoint    the bundle has no operating point of that name
    |- NonFiniteOutput          a member answered NaN or infinity for a view
    |- DeviceUnavailable        the configured device is not there
    |- EngineUnusable           an engine cannot run the bundle here, or not as torch does
    |- UnreadablePicture        a PNG or JPEG file is none, or is cut short
    |- DatasetRefused           a data set is not in the form that was named; nothing of it is read
    |- KerasFileInvalid         a file is none that Keras wrote, or cannot be read without Keras
    |- KerasWeightsMismatch     Keras' layers do not fit the network (in `models.keras.weights`)
    |- VariantImpossible        a variant cannot be made of the members (in `models.evaluation.variants`)
    |- SamplesInsufficient      labeled samples cannot decide what was asked of them
    |- MemberInverted           a member's logits are no higher for abnormal samples than for normal ones
    |- MemberByChance           a member tells abnormal from normal no better than chance might
    |- TrainingRefused          training cannot begin with what was given
    |  `- CheckpointRefused     a checkpoint belongs to another run, or cannot be read
    `- TrainingDiverged         the loss of a training step is not a number; the last whole epoch is kept
"""
